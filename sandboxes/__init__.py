"""Where untrusted code runs. The rooms of this folder come with the code environments."""
