"""From text cells to typed values, a batch at a time, by what each column as a whole says."""
