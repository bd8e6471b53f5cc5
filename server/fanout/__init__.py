"""From a channel to the sockets of its subscribers."""
