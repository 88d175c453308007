"""What is signed and what is counted: visitor cookies, impression and click tokens."""
