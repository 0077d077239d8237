"""The steps of a transcoding, each with its proof."""
