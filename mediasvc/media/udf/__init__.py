"""UDF 1.02 to 2.60: volumes read and written."""
