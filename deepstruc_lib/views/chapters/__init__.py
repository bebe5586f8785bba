"""Figures that one chapter of the book draws; what several chapters draw is in the package above."""
