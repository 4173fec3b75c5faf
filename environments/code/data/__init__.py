"""Problems out of data sets, in the shapes in which these are published."""
