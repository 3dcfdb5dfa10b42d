"""What does Warp make of a kernel? Loading, compiling, cutting out what belongs to it; records and shards."""
