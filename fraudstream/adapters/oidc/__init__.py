"""Login by an OpenID Connect provider."""
