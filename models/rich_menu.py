"""Rich menus at LINE: which menu of ours got which id, so that phones can be linked to it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment


class RichMenu(Base):
    """The newest upload of one of our menus. `version` is the digest of its areas and artwork."""

    __tablename__ = "rich_menu"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    line_rich_menu_id: Mapped[str]
    synced_at: Mapped[Moment]


def find_rich_menu(session: Session, name: str) -> RichMenu | None:
    """Return what LINE has of the menu called `name`, or None before the first sync."""
    return session.scalars(select(RichMenu).where(RichMenu.name == name)).one_or_none()


def keep_rich_menu(
    session: Session, name: str, version: str, line_rich_menu_id: str, now: datetime
) -> None:
    """Remember that LINE now has this version of the menu under this id."""
    values = {"version": version, "line_rich_menu_id": line_rich_menu_id, "synced_at": now}
    session.execute(
        insert(RichMenu)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=[RichMenu.name], set_=values)
    )
