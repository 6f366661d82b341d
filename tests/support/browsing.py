"""Who is there when a browser comes."""

ROSA = {"email": "rosa@example.com", "password": "clave larga de rosa", "full_name": "Rosa", "tenant_name": "Pages"}
