"""Rows -> typed decoders and generated Python."""
