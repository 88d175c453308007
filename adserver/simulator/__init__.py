"""A world whose truth is known: shoppers, shops and publishers that ask a real server, and what it should have done."""
