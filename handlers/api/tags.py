"""The chapters of the API's document."""

from flask_openapi.models.tag import Tag

MEMBERS = Tag(name="Members", description="Who stands at the till. 會員")
PURCHASES = Tag(
    name="Purchases", description="Previewing, recording and refunding sales. 交易與退款"
)
COUPONS = Tag(name="Coupons", description="Coupons of members. 優惠券")
RECEIPT_CODES = Tag(
    name="Receipt codes", description="For who forgot to scan: a code on the receipt. 收據補登碼"
)
ORDERS = Tag(name="Orders", description="Orders of web shops, each counted once. 網路訂單")
EVENTS = Tag(name="Events", description="What members look at. 瀏覽事件")
CATALOGUE = Tag(name="Catalogue", description="What the shop sells, with its cost. 商品")
WEBHOOKS = Tag(name="Webhooks", description="What we tell you by ourselves. 事件通知")
SEGMENTS = Tag(
    name="Segments",
    description="Members by models and rules, and why they are there. 分群",
)
CAMPAIGNS = Tag(
    name="Campaigns",
    description="Messages to segments, from the draft to what came of them. 行銷活動",
)
JOURNEYS = Tag(
    name="Journeys",
    description="What follows a cause by itself, step by step, and who is on the way. 旅程",
)
SANDBOX = Tag(name="Sandbox", description="What only sandbox keys may do. 測試環境")
TAGS = (
    MEMBERS,
    PURCHASES,
    COUPONS,
    RECEIPT_CODES,
    ORDERS,
    EVENTS,
    CATALOGUE,
    SEGMENTS,
    CAMPAIGNS,
    JOURNEYS,
    WEBHOOKS,
    SANDBOX,
)
"""In the order in which a stranger reads them."""
