"""The corpus: what is asked of both servers, by group. One server profile answers a group."""
