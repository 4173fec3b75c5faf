"""Wire protocol of served environments: frames, their values, addresses and sockets."""
