"""Classifiers that learn to be fairer, to the letter of scikit-learn's contract."""
