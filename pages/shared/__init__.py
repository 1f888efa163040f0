"""What pages share: the figures, the session, the words."""
