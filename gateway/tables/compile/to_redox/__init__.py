"""The functions that write what Redox is answered."""
