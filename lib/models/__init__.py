"""Networks and their losses. They know neither files nor devices."""
