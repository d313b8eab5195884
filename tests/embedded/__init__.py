"""The embedded servers, their keeper, and the health views."""
