"""What stands on a disc that we make, and how many discs it takes."""
