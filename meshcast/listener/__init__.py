"""The listener: links, driver and player in one nursery, and the status that it shows."""
