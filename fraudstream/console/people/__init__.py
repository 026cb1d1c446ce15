"""The room of people: login, invitations, one's own account, who there is, and what they have changed."""
