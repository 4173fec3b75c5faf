"""Forum: login, boards, threads, posts, votes, reports, moderation."""
