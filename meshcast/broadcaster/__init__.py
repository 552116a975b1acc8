"""The broadcaster: a source, a packer and the source's machine in one nursery."""
