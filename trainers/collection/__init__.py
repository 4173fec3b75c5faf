"""Experience collection: episodes as samples with rewards, groups, dynamic sampling."""
