"""The data of a disc's viewer."""
