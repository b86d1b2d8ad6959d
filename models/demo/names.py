"""Names for made-up members: what people in Taiwan type, with some visitors and some emoji."""

SURNAMES = "陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴周徐蘇葉莊呂江何蕭羅高"
GIVEN_NAMES = (
    "怡君", "雅婷", "家豪", "志明", "淑芬", "俊傑", "欣怡", "建宏", "佩珊", "冠宇", "詩涵",
    "宗翰", "雅雯", "承恩", "子晴", "品妤", "宥廷", "柏翰", "思妤", "郁婷", "彥廷", "佳穎",
    "哲瑋", "筱涵", "庭瑜", "宇軒", "心怡", "婉婷", "育誠", "靜宜", "嘉玲", "信宏", "美玲",
    "文彬", "惠雯", "明哲", "安", "樂", "晨", "曦", "芷若", "允恩", "睿恩", "沛晴", "羽彤",
    "書瑋", "昱翔", "亭妤", "姵君", "孟儒", "玟萱", "奕辰", "語彤", "凱文", "若瑄",
)  # fmt: skip
JAPANESE = (
    "佐藤 美咲",
    "鈴木 健太",
    "高橋 さくら",
    "田中 大輔",
    "伊藤 ひなた",
    "渡辺 翔",
    "山本 あおい",
    "中村 優子",
    "小林 蓮",
    "加藤 まい",
)
ENGLISH = (
    "Emma Chen",
    "Jason Lin",
    "Olivia Brown",
    "Daniel Wu",
    "Sophie Martin",
    "Kevin Huang",
    "Grace O'Neil",
    "Lucas Müller",
    "Mia Tsai",
    "Noah Williams",
    "Amy",
    "José García",
)
NICKNAMES = (
    "小魚🐟",
    "阿寶",
    "🌸櫻桃",
    "Tina💛",
    "大熊🐻",
    "茶茶🍵",
    "Leo🔥",
    "小星星✨",
    "👩‍🍳阿嬤",
    "米奇",
)
