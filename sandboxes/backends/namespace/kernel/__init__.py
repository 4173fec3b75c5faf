"""Linux facilities under sandboxes: namespaces, mounts, seccomp, Landlock, control groups."""
