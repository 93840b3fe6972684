"""The effective tables of a site as sheets: to be signed off, or edited in a spreadsheet and taken back."""
