"""Measures Roundel against its peers, side by side, in one run. See bench/README.md for the method."""
