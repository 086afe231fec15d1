"""Korean, Chinese and Japanese tables in the encodings they are found in: decoded right, or refused with a code. Never wrong.

Files are made from words of this page (names, places, goods, remarks), from words made up of common syllables, and, where
the shared data are, from lines of real reviews and sentences. Right means: every character as it was written.
"""

import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from gzip import open as gunzip
from pathlib import Path
from random import Random

import pytest

from mapsto.core.errors import DataError
from mapsto.data.decode import text_of
from mapsto.data.table import Table

SHARED = Path(os.environ.get("MAPSTO_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))


@dataclass(frozen=True)
class Language:
    """Words of one language, and the encodings that its files are found in, the likelier ones repeated."""

    family: str
    given: str
    places: str
    goods: str
    remarks: str
    common: str  # characters, the most frequent first, for words that no one has listed
    headers: str
    encodings: str
    odd: str = ""  # words beyond the oldest character set

    def word(self, random: Random, encoding: str) -> str:
        while True:
            kind = random.random()
            if kind < 0.35:
                word = random.choice(self.family.split()) + random.choice(self.given.split())
            elif kind < 0.75:
                word = random.choice((self.places if kind < 0.55 else self.goods).split())
            elif kind < 0.9 or not self.odd:
                weights = [1 / (rank + 10) for rank in range(len(self.common))]  # Zipf's law, flattened at the top
                word = "".join(random.choices(self.common, weights, k=random.randint(1, 4)))
            else:
                word = random.choice(self.odd.split())
            if _can_be_written(word, encoding):
                return word

    def remark(self, random: Random, real: tuple[str, ...], encoding: str) -> str:
        if real and random.random() < 0.5:
            line = random.choice(real)
            if _can_be_written(line, encoding):
                return line
        return " ".join(random.choices(self.remarks.split("/"), k=random.randint(1, 3)))


UNICODE = "utf-8 utf-8-sig utf-16-le utf-16-be utf-16-le+mark utf-16-be+mark "
KOREAN = Language(
    family="김 이 박 최 정 강 조 윤 장 임 한 오 서 신 권 황 안 송 류 홍 전 고 문 손 양 배 백 허 유 남 심 노 하 곽 성 차 "
    "주 우 구 나 진 엄 채 원 천 방 공 현 함 변 염 여 추 도 소 석 선 설 마 길 연 위 표 명 기 반 라 왕 금 옥 육 인 "
    "맹 제 모 탁 국 어 은 편 용 남궁 황보 선우 제갈",
    given="민준 서준 도윤 예준 시우 하준 주원 지호 지후 준서 서연 서윤 지우 서현 하은 하윤 민서 지유 윤서 채원 영수 "
    "영호 영식 정숙 순자 경희 미경 은주 현주 지영 상철 성민 진우 동현 재현 태형 수빈 유진 혜진 은지 소희 보람 "
    "슬기 한별 나래 규리 찬호 병헌 광수 종혁 혁 철 솔 준 빈 훈 민 란 봉순 말자 춘배 길동 덕수 필립 꽃님 빛나 "
    "샛별 아름",
    places="서울 부산 대구 인천 광주 대전 울산 세종 수원 성남 고양 용인 창원 청주 전주 천안 안산 남양주 화성 김해 평택 "
    "포항 제주 의정부 시흥 구미 파주 진주 원주 아산 춘천 강릉 군산 목포 여수 순천 경주 거제 강남구 서초구 송파구 "
    "마포구 종로구 영등포구 해운대구 달서구 유성구 분당구 일산동 역삼동 신촌 홍대입구 잠실 여의도 명동 을지로 "
    "세종대로 테헤란로 충청북도 전라남도 경상북도 강원특별자치도",
    goods="사과 바나나 포도 딸기 수박 김치 된장찌개 불고기 비빔밥 떡볶이 라면 냉면 삼겹살 치킨 피자 햄버거 커피 녹차 "
    "우유 맥주 소주 휴대폰 노트북 냉장고 세탁기 텔레비전 자동차 버스 지하철 택시 비행기 학생 회사원 주부 공무원 "
    "의사 간호사 교사 농부 남자 여자 남 여 합격 불합격 찬성 반대 좋음 나쁨 보통 예 아니오 있음 없음 정상 비정상 "
    "양성 음성 봄 여름 가을 겨울 월 화 수 목 금 토 일 운동화 청바지 셔츠 책 연필",
    remarks="정말 재미있게 봤습니다/배송이 너무 늦어요/다시는 안 삽니다/가격에 비해 괜찮네요/최고예요 강추합니다/"
    "돈이 아깝다/그냥 그래요/친절하고 깨끗했어요/맛이 없었어요ㅠㅠ/ㅋㅋㅋ 웃겨 죽는 줄/연기가 어색하다/"
    "스토리가 탄탄하고 감동적입니다/사이즈가 작게 나왔네요/직원분이 불친절함/색상이 화면과 달라요/"
    "아이들이 좋아합니다/한 번쯤 볼 만한 영화/기대했는데 실망/포장이 꼼꼼해요/또 주문할게요^^",
    common="이다의는에을가고하지로사도기대은한를자어시스리인나아해서정일수그있전보제라국만부구동게원과상여주들소장으조거"
    "모와장무비오성마면관안선유화신경개공영실세방연진중미계치문위발물드생우회분트작당재학것업식없음행통내입교말터"
    "역용년간후산양습심차적반등크불또럼니까요네던각별름군피파길운명청약늘건민타천달양복완올함감먹품두추급히디토독"
    "목속파결론향접남코승술손형단같북높저열",
    headers="이름,도시,품목,의견 성명,주소,직업,비고 고객명,지역,상품,후기 학생,학교,학과,평가",
    odd="뷁 햏자 똠방각하 펲시 쌰쌰 됬어 믜친 뭥미 찦차 갸냘픈 숖 괞찮아 앎 됐슴 힣 꿇앉다 뙇 쩖 읍늬다 졓아",
    encodings=UNICODE + "cp949 cp949 cp949 euc_kr euc_kr cp949 euc_kr iso2022_kr",
)
SIMPLIFIED = Language(
    family="王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 高 罗 郑 梁 谢 宋 唐 许 邓 韩 冯 曹 彭 曾 肖 田 董 袁 "
    "潘 于 蒋 蔡 余 杜 叶 程 苏 魏 吕 丁 任 沈 姚 卢 姜 崔 钟 谭 陆 汪 范 金 石 廖 贾 夏 韦 付 方 白 邹 孟 熊 秦 "
    "邱 江 尹 薛 闫 段 雷 侯 龙 史 陶 黎 欧阳 司马",
    given="伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 秀英 桂英 秀兰 建国 建华 志强 国强 小红 小明 晓东 海燕 "
    "玉兰 淑珍 子轩 浩然 宇航 梓涵 欣怡 诗涵 雨桐 佳怡 俊杰 文博 思远 丽娟 婷婷 春梅 凤英 立新 红梅 德华 天佑 鹏 "
    "鑫 斌 波 辉 刚 健 亮 倩 颖 琳 雪 慧",
    places="北京 上海 广州 深圳 天津 重庆 成都 杭州 武汉 西安 南京 苏州 郑州 长沙 沈阳 青岛 宁波 东莞 无锡 佛山 合肥 "
    "昆明 大连 福州 厦门 哈尔滨 济南 温州 南宁 长春 泉州 石家庄 贵阳 南昌 金华 常州 惠州 嘉兴 徐州 太原 中山 "
    "保定 兰州 海口 乌鲁木齐 呼和浩特 拉萨 银川 西宁 海淀区 朝阳区 浦东新区 天河区 福田区 黄浦区 人民路 解放大道 "
    "中关村 建设街",
    goods="苹果 香蕉 葡萄 西瓜 草莓 橘子 白菜 土豆 豆腐 饺子 面条 米饭 馒头 火锅 烤鸭 牛奶 啤酒 绿茶 咖啡 手机 电脑 "
    "冰箱 洗衣机 电视 空调 汽车 自行车 地铁 飞机 高铁 学生 教师 医生 护士 工人 农民 司机 厨师 律师 会计 男 女 是 "
    "否 合格 不合格 优 良 差 满意 不满意 阳性 阴性 春 夏 秋 冬 星期一 星期二 周末 鞋子 裤子 衬衫 书包 铅笔 字典 "
    "螺丝 轴承 阀门 钢筋 水泥 玻璃 橡胶",
    remarks="质量很好，下次还会再买/物流太慢了/客服态度差/味道一般般/非常喜欢这个颜色/性价比很高/跟描述不一样/孩子很喜欢/"
    "包装完好无损/不推荐购买/电影很感人，我哭了/演员演技太尴尬/房间干净，服务周到/早餐种类少/老师讲得很清楚/"
    "价格便宜量又足/用了三天就坏了/已经推荐给朋友/屏幕有划痕/声音太小听不见",
    common="的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后"
    "多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合"
    "还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只"
    "没结解问意建月公无系军很情者最立代想已通并",
    headers="姓名,城市,商品,评价 客户,地址,职业,备注 学生姓名,学校,专业,评语 名称,产地,类别,说明",
    odd="镕基 堃 喆 嫑 囧途 淼 犇 骉 昇 玥 珺 曌 彧 骁 翀 垚 怼人 螺蛳粉 馕 粿条",
    encodings=UNICODE + "gb18030 gbk gb2312 gb18030 gbk gb18030",
)
TRADITIONAL = Language(
    family="陳 林 黃 張 李 王 吳 劉 蔡 楊 許 鄭 謝 洪 郭 邱 曾 廖 賴 徐 周 葉 蘇 莊 呂 江 何 蕭 羅 高 潘 簡 朱 鍾 彭 游 "
    "詹 胡 施 沈 余 盧 梁 趙 顏 柯 翁 魏 孫 戴 范 方 宋 鄧 杜 傅 侯 曹 薛 丁 卓 馬 阮 董 唐 溫 藍 蔣 石 古 紀 姚 "
    "連 馮 歐 程 湯 黎 田 康 姜 白 汪 鄒 尤 巫 歐陽",
    given="家豪 志明 俊傑 建宏 俊宏 志豪 志偉 承翰 冠宇 宗翰 淑芬 淑惠 美玲 雅婷 怡君 佳穎 欣怡 詩涵 雅雯 宜君 春嬌 "
    "麗華 秀蘭 玉梅 國華 文雄 明哲 柏翰 彥廷 品妤 子晴 詠晴 宥廷 承恩 宇軒 思妤 心怡 慧君 靜宜 鈺婷 曉明 嘉玲 "
    "永福 金龍 阿水 罔市 添財 進興",
    places="臺北 台中 高雄 台南 桃園 新竹 基隆 嘉義 屏東 花蓮 宜蘭 苗栗 彰化 南投 雲林 臺東 澎湖 金門 馬祖 板橋 三重 "
    "中壢 豐原 淡水 信義區 大安區 中正區 士林區 鼓山區 左營區 北屯區 香港 九龍 旺角 銅鑼灣 尖沙咀 沙田 元朗 "
    "忠孝東路 中山北路 民生路 成功大學 南京東路",
    goods="蘋果 香蕉 葡萄 西瓜 鳳梨 芒果 高麗菜 豆腐 水餃 牛肉麵 滷肉飯 珍珠奶茶 臭豆腐 雞排 火鍋 烏龍茶 咖啡 啤酒 "
    "手機 電腦 冰箱 洗衣機 電視 冷氣 汽車 機車 捷運 公車 飛機 高鐵 學生 老師 醫師 護理師 工程師 農夫 司機 廚師 "
    "律師 會計 男 女 是 否 合格 不合格 優 良 差 滿意 不滿意 陽性 陰性 春 夏 秋 冬 星期一 週末 鞋子 褲子 襯衫 "
    "書包 鉛筆 字典 螺絲 軸承 閥門 鋼筋 水泥 玻璃 橡膠",
    remarks="品質很好，下次會再買/出貨太慢了/客服態度很差/味道普普通通/非常喜歡這個顏色/CP值很高/跟描述不一樣/"
    "小朋友很喜歡/包裝完整/不推薦購買/電影很感人，我哭了/演員演技很尷尬/房間乾淨，服務親切/早餐種類太少/"
    "老師講解清楚/便宜又大碗/用三天就壞了/已經推薦給朋友/螢幕有刮痕/聲音太小聽不見",
    common="的一是不在有我人他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小心多天而"
    "能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些"
    "與高意進把法此實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門"
    "相次東政海口使教西再平真聽世氣信北少關並內",
    headers="姓名,城市,商品,評價 客戶,地址,職業,備註 學生姓名,學校,科系,評語 名稱,產地,類別,說明",
    encodings=UNICODE + "big5 cp950 big5 gb18030",
)
JAPANESE = Language(
    family="佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 清水 山崎 森 "
    "池田 橋本 阿部 石川 前田 藤田 小川 岡田 後藤 長谷川 村上 近藤 石井 坂本 遠藤 青木 藤井 西村 福田 太田 三浦 "
    "岡本 松田 中川 中野 原田 小野 竹内",
    given="太郎 花子 一郎 健太 翔太 大輔 拓也 美咲 さくら 葵 陽菜 結衣 蓮 湊 悠真 智子 恵子 洋子 和子 久美子 直樹 誠 "
    "浩 茂 清 豊 学 翼 あかり ひなた",
    places="東京 大阪 名古屋 札幌 福岡 京都 神戸 横浜 川崎 仙台 広島 千葉 さいたま 新潟 静岡 浜松 岡山 熊本 鹿児島 那覇 "
    "渋谷区 新宿区 港区 世田谷区",
    goods="りんご みかん ぶどう いちご とうふ みそ汁 ラーメン うどん カレーライス コーヒー ビール スマートフォン "
    "パソコン テレビ エアコン 冷蔵庫 自転車 電車 学生 会社員 主婦 医師 看護師 男性 女性 はい いいえ 合格 不合格 "
    "良い 悪い 普通 春 夏 秋 冬 月曜日 シャツ ズボン くつ 本 えんぴつ",
    remarks="とても面白かったです/配送が遅かった/また買いたいと思います/値段のわりに良い/味がいまいちでした/"
    "スタッフが親切でした/子どもが喜んでいます/画面に傷がありました/期待していたのに残念/おすすめしません/"
    "部屋がきれいで静か/もう一度見たい映画",
    common="のにはをたがでてとしれさいるもなからりっうくまこあすきんけそよどえおせちつやじべわめほだねひばふみむろぬゆー"
    "ンストルアイラ日一人年大出本中子見国言上分生手自行者二間事思時気会十家女三前的方入小地合後目長場代私下立部学"
    "物月田",
    headers="氏名,都市,商品,感想 名前,住所,職業,備考",
    odd="①番 ㈱山田 髙橋 﨑 №3 ㍻ Ⅲ類",
    encodings=UNICODE + "shift_jis cp932 euc_jp iso2022_jp",
)
SHARES = (KOREAN,) * 5 + (SIMPLIFIED,) * 3 + (TRADITIONAL,) * 2 + (JAPANESE,)
ENGLISH = (
    "red",
    "green",
    "apple",
    "New-York",
    "pass",
    "fail",
    "yes",
    "A",
    "B+",
    "item_7",
    "n/a",
    "kim@example.com",
    "http://a.kr/?q=1",
)
ROWS = (5, 5, 12, 30, 30, 100, 100, 300, 1000, 1000, 3000)


@dataclass(frozen=True)
class File:
    """A table as somebody meant it, and the bytes that came of it."""

    text: str
    data: bytes
    encoding: str
    letters: int  # characters beyond ASCII, those of words that come again counted once


def table(seed: int) -> File:
    """A file of 5 to 20,000 rows, of which 1 % to 90 % of the cells are in the language, all over or only at the end."""
    random = Random(seed)
    language = random.choice(SHARES)
    encoding, _, mark = random.choice(language.encodings.split()).partition("+")
    rows = 20_000 if seed % 50 == 49 else random.choice(ROWS)
    where = random.choice(("everywhere", "everywhere", "seldom", "three names", "late"))
    written = {
        "everywhere": set(range(rows)),
        "seldom": set(random.sample(range(rows), max(3, rows // 100))),
        "three names": set(random.sample(range(rows), 3)),
        "late": set(range(rows - max(3, rows // 100), rows)),
    }[where]
    own, plain = random.randint(1, 3), random.randint(0, 8)
    headers = (
        random.choice(language.headers.split()).split(",") if random.random() < 0.4 else ["name", "city", "x", "note"]
    )
    real = _real_lines(language.headers)
    remark = where == "everywhere" and random.random() < 0.5
    lines = [",".join([*headers[:own], *(f"c{k}" for k in range(plain)), *(headers[3:4] if remark else [])])]
    for row in range(rows):
        here = row in written
        cells = [language.word(random, encoding) if here else random.choice(ENGLISH) for _ in range(own)]
        cells += [str(random.randint(0, 999)) if k % 2 else random.choice(ENGLISH) for k in range(plain)]
        cells += [f'"{language.remark(random, real, encoding)}"'] if remark else []
        lines.append(",".join(cells))
    text = "\n".join(lines) + "\n"
    words = set(re.findall(r"[^\x00-\x7f]+", text))
    data = (("\ufeff" if mark else "") + text).encode(encoding)
    return File(text, data, encoding, sum(map(len, words)))


@cache
def _real_lines(language: str) -> tuple[str, ...]:
    """Reviews and sentences of the shared data, without quotes; none where those are not here."""
    lines: list[str] = []
    if language == KOREAN.headers and (SHARED / "nsmc").is_dir():
        with gunzip(SHARED / "nsmc" / "test.tsv.gz", "rt", encoding="utf-8") as file:
            lines = [line.split("\t")[1] for line in file]
    if language == TRADITIONAL.headers and (SHARED / "ud_chinese_gsd").is_dir():
        with gunzip(SHARED / "ud_chinese_gsd" / "zh-ud-dev.conllu.gz", "rt", encoding="utf-8") as file:
            words = ["/" if line == "\n" else line.split("\t")[1] for line in file]
        lines = "".join(words).split("/")
    if language == SIMPLIFIED.headers and (SHARED / "tatoeba_cmn_en").is_dir():
        pairs = (SHARED / "tatoeba_cmn_en" / "cmn.txt").read_text(encoding="utf-8").splitlines()
        lines = [pair.split("\t")[1] for pair in pairs]
    return tuple(line for line in lines if line and '"' not in line)


def _can_be_written(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text
    except UnicodeError:
        return False


def came_of(file: File, read=text_of) -> str:
    """right, asked (refused with the true reading among those offered), refused (without it), or wrong."""
    try:
        text, _ = read(file.data)
    except DataError as error:
        first = next(line for line in file.text.splitlines() if not line.isascii())[:20]
        return "asked" if error.code == "D110" and first in error.message else "refused"
    return "right" if text == file.text else "wrong"


def utf8_else_latin1(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def first_that_decodes(data: bytes) -> tuple[str, str]:
    for encoding in ("utf-8-sig", "gb18030", "cp949", "big5", "shift_jis", "utf-16"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            pass
    raise DataError("none decodes")


def test_tables_of_east_asia_are_read_right_or_asked_about_and_never_wrong(dose, counted):
    files = dose(100, 2000)
    came, naive, first = Counter(), Counter(), Counter()
    for seed in range(files):
        file = table(seed)
        outcome = came_of(file)
        came[outcome] += 1
        assert outcome in ("right", "asked"), f"seed {seed}: {outcome}, {file.encoding}, {file.letters} letters"
        naive[came_of(file, utf8_else_latin1)] += 1
        first[came_of(file, first_that_decodes)] += 1
    assert came["right"] >= 0.995 * files
    assert naive["wrong"] > 0.3 * files and first["wrong"] > 0.1 * files
    counted(
        "encodings",
        tried=files,
        held=came["right"] + came["asked"],
        control=f"UTF-8 else Latin-1: {naive['wrong']} silently wrong; the first that decodes: {first['wrong']}",
        right=came["right"],
        asked=came["asked"],
        wrong=came["wrong"],
    )


def test_files_of_one_to_four_words_are_asked_about_rather_than_guessed_wrong(dose):
    came = Counter()
    for seed in range(dose(300, 5000)):
        random = Random(seed)
        language = random.choice(SHARES)
        encoding = random.choice([e for e in language.encodings.split() if "utf" not in e])
        words = [language.word(random, encoding) for _ in range(random.randint(1, 4))]
        text = "name,n\n" + "".join(f"{word},{random.randint(1, 99)}\n" for word in words)
        file = File(text, text.encode(encoding), encoding, 0)
        outcome = came_of(file)
        came[outcome] += 1
        assert outcome in ("right", "asked"), f"seed {seed}: {outcome}, {encoding}, {words}"
    assert came["asked"] > 0.05 * came.total(), "some of these say too little for anybody"


@pytest.mark.parametrize(
    "encoding", ["johab", "hz", "big5hkscs", "euc_jisx0213", "cp1251", "koi8_r", "cp874", "cp1256"]
)
def test_encodings_that_are_not_told_apart_are_asked_about(encoding):
    text = {
        "johab": "이름,도시\n김민수,서울\n이영희,부산광역시\n박철수,대구\n",
        "big5hkscs": "姓名,城市\n陳大文,旺角\n李小明,深水埗\n佢哋嘅嘢,香港\n",
        "euc_jisx0213": "氏名,都市\n山田太郎,東京都\n佐藤花子,大阪\n",
        "hz": "name,city\n",
        "cp874": "ชื่อ,เมือง\nสมชาย,กรุงเทพ\nสมหญิง,เชียงใหม่\n",
        "cp1256": "اسم,مدينة\nمحمد,القاهرة\nفاطمة,دمشق\n",
    }.get(encoding, "имя,город\nИван,Москва\nОльга,Санкт-Петербург\nПётр,Казань\n")
    try:
        assert text_of(text.encode(encoding))[0] == text
    except DataError as error:
        assert error.code == "D110"


WORDS = (
    "Café naïve µm 25°C m² A·B £5 €5 don’t … ™ ✓ 😀 값 이 가 남 여 中 男 はい の ア ｱ Łódź Zoë Ærø Straße Müller İstanbul Niño «a» "
    "Österreich Ⅲ ① ㎏ ℃ “a” – — 뷁 ㅋㅋ Ａ 、 нет שלום سلام ไทย"
)


@pytest.mark.parametrize("word", WORDS.split())
def test_a_utf8_file_with_a_single_word_beyond_ascii_is_read_without_a_question(word):
    for text in (
        f"a,b\n1,{word}\n",
        f"{word},b\n1,2\n",
        f"a\tb\n1\tx {word} y\n",
        "a,b\n" + "1,2\n" * 200 + f"1,{word}\n",
    ):
        assert text_of(text.encode()) == (text, "utf-8")


def test_one_bad_byte_is_named_with_its_line_and_column(dose):
    for seed in range(dose(40, 600)):
        random = Random(seed)
        language = random.choice(SHARES)
        lines = ["name,city,n"] + [
            f"{language.word(random, 'utf-8')},{random.choice(language.places.split())},{n}"
            for n in range(random.randint(4, 400))
        ]
        row = random.randrange(1, len(lines))
        cut = random.randrange(len(lines[row].split(",")[0]) + 1)
        before = "\n".join(lines[:row]) + "\n" + lines[row][:cut]
        bad = bytes([random.choice((0x80, 0xA0, 0xBF, 0xC0, 0xF8, 0xFE, 0xFF))])
        data = before.encode() + bad + lines[row][cut:].encode() + b"\n" + "\n".join(lines[row + 1 :]).encode()
        with pytest.raises(DataError) as caught:
            text_of(data, name="people.csv")
        assert caught.value.code == "D111"
        assert f"line {row + 1}, column {cut + 1} has the byte 0x{bad[0]:02X}" in caught.value.message
        assert "--encoding" in caught.value.remedy


def test_one_bad_byte_in_an_older_encoding_is_asked_about_with_what_nearly_fits():
    text = "이름,도시\n" + "".join(f"김민수{n},서울특별시\n" for n in range(50))
    data = text.encode("cp949").replace("7,서울".encode("cp949"), b"7,\xff" + "서울".encode("cp949"), 1)
    with pytest.raises(DataError, match="cp949 .*김민수.*one byte") as caught:
        text_of(data)
    assert caught.value.code == "D110"
    with pytest.raises(DataError, match="line 9, column 6 has the byte 0xFF") as caught:
        text_of(data, "cp949")
    assert caught.value.code == "D112"


def test_a_wrong_encoding_named_by_hand_is_refused_with_its_place_where_bytes_can_tell(dose):
    """Whatever the wrong name, UTF-8 is never read as something else; other files are where strict decoding fails."""
    refused = Counter()
    for seed in range(dose(60, 600)):
        file = table(2 * seed)
        if len(file.data) > 200_000 or file.letters < 8:
            continue
        for named in ("utf-8", "cp949", "gb18030", "cp950", "cp932", "euc_jp", "latin-1", "ascii"):
            try:
                text, _ = text_of(file.data, named)
            except DataError as error:
                assert error.code == "D112"
                assert "line " in error.message or "but utf-" in error.message
                refused["refused"] += 1
                continue
            refused["right" if text == file.text else "as named"] += 1
            assert text == file.text or not file.encoding.startswith("utf-8"), (
                f"seed {2 * seed}: {file.encoding} as {named}"
            )
    assert refused["refused"] > refused["as named"]


def test_utf16_without_a_mark_is_read_in_its_own_byte_order_when_only_utf16_is_named():
    text = "이름,나이\n김철수,30\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert text_of(text.encode(encoding), "utf-16")[0] == text


def test_what_was_learned_from_utf8_is_examined_on_cp949_with_the_same_categories(tmp_path):
    from mapsto.framing.source import frame

    random = Random(0)
    rows = [
        (random.choice(KOREAN.places.split()[:8]), random.choice(["남", "여"]), random.choice(["합격", "불합격"]))
        for _ in range(400)
    ]
    for name, encoding, part in (("learn.csv", "utf-8", rows[:300]), ("exam.csv", "cp949", rows[300:])):
        text = "도시,성별,결과\n" + "".join(",".join(row) + "\n" for row in part)
        (tmp_path / name).write_bytes(text.encode(encoding))
    ready = frame(tmp_path / "learn.csv", "결과", test=tmp_path / "exam.csv").prepared
    assert len(ready.parts["test"]) == 100
    assert list(ready.raw.columns["도시"][300:]) == [city for city, _, _ in rows[300:]]
    assert ready.input.unseen({n: ready.raw.columns[n][ready.parts["test"]] for n in ready.input.columns}) == {}
    assert [f for f in ready.findings if f.code == "C003"] == []


def test_a_table_in_each_encoding_gives_the_same_columns():
    text = "이름,점수,의견\n" + "".join(f"김민수{n % 7},{n},정말 재미있게 봤습니다\n" for n in range(60))
    meant = Table().parse(text.encode(), "a.csv").columns
    for encoding in ("utf-8-sig", "cp949", "euc_kr", "utf-16", "utf-16-le", "utf-16-be", "iso2022_kr", "gb18030"):
        try:
            columns = Table().parse(text.encode(encoding), "a.csv").columns
        except DataError as error:
            assert encoding == "gb18030" and error.code == "D110"  # Korean in it is hardly ever written
            continue
        assert {name: list(values) for name, values in columns.items()} == {
            name: list(values) for name, values in meant.items()
        }
