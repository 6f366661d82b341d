"""From the bytes of a file to batches of text cells, with the line of every row."""
