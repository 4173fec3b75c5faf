"""Problems of the reasoning-gym package as environments."""
