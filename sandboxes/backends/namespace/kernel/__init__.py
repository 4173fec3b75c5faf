"""Linux facilities under boxes: namespaces, mounts, seccomp, Landlock, control groups."""
