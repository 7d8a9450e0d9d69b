"""PostgreSQL: pool, migrations, and one store per port."""
