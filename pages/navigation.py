"""Every page, in the order of the journey."""

from __future__ import annotations

import streamlit as st

st.set_page_config(page_title="faircore", layout="wide")

# The theme's accent carries white text, so on dark paper it is too dim to be text itself.
st.html("<style>[data-testid=stSliderThumbValue] {color: inherit}</style>")

st.navigation(
    [
        st.Page("reviews.py", title="Reviews", default=True),
        st.Page("data.py", title="Data"),
        st.Page("audit.py", title="Audit"),
        st.Page("policy.py", title="Policy"),
        st.Page("train.py", title="Train"),
        st.Page("frontier.py", title="Frontier"),
        st.Page("calibration.py", title="Calibration"),
        st.Page("decide.py", title="Decide"),
        st.Page("packet.py", title="Packet"),
        st.Page("export.py", title="Export"),
        st.Page("help.py", title="Help"),
    ]
).run()
