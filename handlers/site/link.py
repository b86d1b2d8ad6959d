"""The links in our messages: `/r/<token>` counts a click and leads to the shop's own address."""

import re

from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from limits import RateLimitItemPerMinute

from handlers import settings
from handlers.assets import asset_url
from handlers.limiting import limiter
from models.link import Named, find_target, note_click, read_link_token

FORGED = RateLimitItemPerMinute(60)
"""So many tokens that are none of ours one address may try."""
COUNTED = RateLimitItemPerMinute(600)
"""So many clicks of one address are counted; whole networks of phones share one."""
PREVIEW_AGENT = re.compile(
    r"(?<!cu)bot\b|bot/|crawl|spider|slurp|preview|prerender|scanner|line-poker|linespider"
    r"|facebookexternalhit|facebookcatalog|facebot|meta-external|whatsapp|telegram|twitterbot"
    r"|slack|discord|skypeuri|linkedin|pinterest|embedly|vkshare|googleimageproxy"
    r"|google-(?:safety|inspection|read-aloud)|bingpreview|mimecast|barracuda|proofpoint"
    r"|safelinks|headless|python-|curl/|wget/|go-http|okhttp/\d|java/|libwww|axios/",
    re.IGNORECASE,
)
"""Who opens a link without a person: previews of chats, mail scanners, crawlers, programs."""
PREFETCH_HEADERS = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")


def add_routes(blueprint: Blueprint) -> None:
    """Add `/r/<token>`."""
    blueprint.get("/r/<token>")(follow_link)


def follow_link(token: str) -> ResponseReturnValue:
    """Lead to the address kept for a link, and count the click where a person made it.

    Where to stands in our table alone; what is no link of ours gets a kind page.
    """
    address, key = get_remote_address(), settings().links.key
    named = read_link_token(key, token)
    target = find_target(g.session, named.link_id) if named is not None else None
    if named is None or target is None:
        is_within = limiter.limiter.hit(FORGED, "link-forged", address)
        return show_lost(404 if is_within else 429)
    if is_person() and limiter.limiter.hit(COUNTED, "link", address):
        _count(key, named, address)
    return redirect(target, 302)


def _count(key: bytes, named: Named, address: str) -> None:
    told = f"{address}|{request.headers.get('User-Agent', '')}"
    note_click(g.session, key, named, told, g.now)


def is_person() -> bool:
    """Tell whether somebody opened the link, not a preview, a scanner or a browser's foresight."""
    if request.method != "GET" or any(name in request.headers for name in PREFETCH_HEADERS):
        return False
    agent = request.headers.get("User-Agent", "")
    return bool(agent) and not PREVIEW_AGENT.search(agent)


def show_lost(status: int) -> ResponseReturnValue:
    """Say kindly that this link leads nowhere, and where the shop is."""
    return render_template("site/lost_link.html", style=asset_url("start.css")), status
