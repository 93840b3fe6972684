"""The places among which a supervisor serves: processes, and what is said to them and of them."""
