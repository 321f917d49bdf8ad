from review_desk_fixtures import postgresql

__all__ = ["postgresql"]
