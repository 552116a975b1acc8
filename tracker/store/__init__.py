"""Where the tree survives a crash of the tracker."""
