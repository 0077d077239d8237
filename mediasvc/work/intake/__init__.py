"""A package before anybody decides: listed, screened, compared, grouped, staged."""
