"""Pages for whoever comes without being asked who they are."""

from handlers.site.start import make_blueprint

__all__ = ["make_blueprint"]
