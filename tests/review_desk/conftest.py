from review_desk_fixtures import desk

__all__ = ["desk"]
