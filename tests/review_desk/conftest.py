from review_desk_fixtures import desk, postgresql

__all__ = ["desk", "postgresql"]
