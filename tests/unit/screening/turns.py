"""Harmless turns of one to five words in fourteen languages, apart from the training."""

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType

WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "English": ("No", "Do it", "Stop that", "Say that louder", "Tell her", "Drop it", "Say no more", "Your call"),
        "German": ("Nein danke", "Lass das", "Sag schon", "Mach hin", "Ach komm", "Und jetzt", "Bitte nicht"),
        "French": ("Non merci", "Tais-toi", "Dis donc", "Fais vite", "Et puis quoi", "Ça marche", "Pas ça"),
        "Spanish": ("Para ya", "Dímelo ya", "Hazlo tú", "Qué más", "Ni hablar", "Sigue así", "Otra cosa"),
        "Italian": ("Basta così", "Dimmi tutto", "Fai presto", "E allora", "Non ora", "Fammi vedere"),
        "Portuguese": ("Para com isso", "Diga logo", "Faz aí", "E agora", "Nem pensar", "Me mostra"),
        "Dutch": ("Hou op", "Zeg het", "Doe maar", "Nog iets", "Nu niet", "Kom op"),
        "Polish": ("Przestań", "No powiedz", "Zrób to teraz", "Co dalej", "Nie teraz", "Pokaż mi"),
        "Russian": ("Не надо", "Скажи уже", "Сделай сам", "Что дальше", "Не сейчас", "Покажи всё"),
        "Japanese": ("やめてよ", "早く言って", "それで", "今はだめ", "全部見せて", "違うってば"),
        "Chinese": ("别这样", "快说", "你来做", "还有呢", "现在不行", "都给我看看"),
        "Korean": ("하지 마", "빨리 말해", "네가 해", "그다음은", "지금은 안돼", "다 보여줘"),
        "Turkish": ("Yapma", "Söyle hadi", "Sen yap", "Başka ne", "Şimdi olmaz", "Hepsini göster"),
        "Arabic": ("لا تفعل", "قل بسرعة", "افعل ذلك", "وماذا بعد", "ليس الآن", "أرني كل شيء"),
    }
)
_MARKS = ("", ".", "!", "!!", "?", "...", " 🙏")


def turns() -> Iterator[str]:
    """Yield each phrase as written and in upper case, with each mark."""
    for words in WORDS.values():
        for word, mark in product(words, _MARKS):
            yield word + mark
            if word.upper() != word:
                yield word.upper() + mark
