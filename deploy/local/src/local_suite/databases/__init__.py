"""The three databases of the insurer on this machine, for showing and testing the way from them into the lake."""
