"""What was done in a review, line by line, for everybody to read."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from faircore.decide.options import Option
from faircore.numerals import percent
from faircore.records import Act, Event, Review


def history(review: Review) -> None:
    """Every event, newest first."""
    frame = pd.DataFrame(
        {
            "When (UTC)": [_when(e) for e in reversed(review.history)],
            "Who": [e.who or "–" for e in reversed(review.history)],
            "What": [event_words(e) for e in reversed(review.history)],
        }
    )
    if frame.empty:
        st.caption("Nothing has been done in it yet.")
        return
    st.dataframe(frame, hide_index=True, width="stretch")
    st.caption("Lines are added and never changed.")


def _when(event: Event) -> str:
    time = event.at
    return time[:16].replace("T", " ")


def event_words(event: Event) -> str:
    """One event in a few words; a vote's choice is not among them while others may yet vote."""
    body = event.body
    match event.kind:
        case Act.SWEEP:
            return "Asked for models"
        case Act.OUTCOME:
            return "Answered questions about the outcome"
        case Act.LOCKED:
            return "Locked the policy"
        case Act.AMENDED:
            return f"Amended the policy: {body['why']}"
        case Act.PROPOSED:
            option = next(
                o for o in map(Option.from_dict, body["options"]) if "proposed" in o.names
            )
            return f"Proposed option {option.letter} of {len(body['options'])}: {body['reason']}"
        case Act.OPENED:
            level = body.get("level")
            tested = "without a test" if level is None else f"risk spent {percent(level, None)}"
            return f"Opened the sealed rows ({tested})"
        case Act.MEASURED:
            passed = (body["certificate"] or {}).get("certified", [])
            return (
                f"Measured on the sealed rows; certified: {', '.join(passed) or 'no option'}"
                if body["certificate"]
                else "Measured on the sealed rows; no certificate"
            )
        case Act.PACKET:
            return f"Sent the packet {body['sha256'][:12]} to the vote"
        case Act.VOTED:
            return f"Voted on the packet {body['packet'][:12]}"
        case Act.DECIDED:
            return f"Recorded the decision: {body.get('option') or 'a model was chosen'}"
        case Act.DECLINED:
            return "Recorded that no model was chosen"
