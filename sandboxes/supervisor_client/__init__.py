"""Host's side of a box's supervisor: its connection, its archive, the sandbox it makes."""
