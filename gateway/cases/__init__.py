"""Cases: messages and searches with what an upstream answers, and what is expected to become of them."""
