"""Which class a picture of the game shows, told from its name alone.

Doom names its pictures in eight capitals, and the names follow rules: a sprite is four letters, a
frame and an angle (``POSSA1``), a switch is ``SW1…`` when off and ``SW2…`` when on. What no rule
tells was looked at, picture by picture, in both Freedoom games: the lists below. Where a picture
is looked up by its place in the WAD, see `lump_class`.
"""

import re

from lib.worlds.doom.classes import PixelClass as Pixel
from lib.worlds.doom.wad import Lump


def _names(text: str) -> frozenset[str]:
    """The names in `text`, parted by spaces."""
    return frozenset(text.split())


DOORS = _names(
    """
    A-BROWN4 AQDOOR01 AQDOOR02 BIGDOOR1 BIGDOOR2 BIGDOOR3 BIGDOOR4 BIGDOOR5 BIGDOOR6 BIGDOOR7
    BIGDOR6A DOKODO1B DOKODO2B DOOR1 DOOR3 DOOR3L DOORHI EXITDOOR ICKDOOR1 METALDR M_BDOOR M_RDOOR
    M_YDOOR SPCDOOR0 SPCDOOR1 SPCDOOR2 SPCDOOR3 SPCDOOR4 TNTDOOR WOODGARG ZDOORB1 ZDOORF1 ZELDOOR
    """
)
"""Textures that are the leaf of a door. Frames and tracks (DOORTRAK, DOORBLU …) are walls."""

LIQUID_TEXTURES = _names(
    """
    BFALL1 BFALL2 BFALL3 BFALL4 DBRAIN1 DBRAIN2 DBRAIN3 DBRAIN4 FIRELAV2 FIRELAV3 FIRELAVA SFALL1
    SFALL2 SFALL3 SFALL4 WFALL1 WFALL2 WFALL3 WFALL4
    """
)
"""Textures of falling blood, lava, slime and water."""

LIQUID_FLATS = _names(
    """
    BLOOD1 BLOOD2 BLOOD3 FWATER1 FWATER2 FWATER3 FWATER4 LAVA1 LAVA2 LAVA3 LAVA4 NUKAGE1 NUKAGE2
    NUKAGE3 SLIME01 SLIME02 SLIME03 SLIME04 SLIME05 SLIME06 SLIME07 SLIME08 SWATER1 SWATER2 SWATER3
    SWATER4
    """
)
"""Flats of blood, water, lava and slime. Rock with glowing cracks (RROCK.., SLIME09…) is floor."""

SKIES = _names("SKY1 SKY2 SKY3 SKY4 P-SKY1 P-SKY2 P-SKY3 T-SKY1 T-SKY2 T-SKY3")
"""Textures of the sky, and those that show one."""

SWITCH_PATCHES = _names(
    """
    SW1S0 SW1S1 SW2S0 SW2S1 SW3S0 SW3S1 SW4S0 SW4S1 SW2_5 SW2_6 SW2_7 SW2_8 WALL42_1 WALL42_5
    WALL42_6 WALL47_3 WALL47_4 WALL47_5 W108_2 W108_3 WARNA0 WARNB0
    """
)
"""Patches of the switch itself, laid over a wall; the wall around them stays a wall."""

_MONSTERS = {  # sprite -> frames of it dying and dead (Doom's table of states, info.c)
    "POSS": "HIJKLMNOPQRSTU",
    "SPOS": "HIJKLMNOPQRSTU",
    "CPOS": "HIJKLMNOPQRST",
    "SSWV": "IJKLMNOPQRSTUV",
    "TROO": "IJKLMNOPQRSTU",
    "SARG": "IJKLMN",
    "HEAD": "GHIJKL",
    "SKUL": "FGHIJK",
    "BOSS": "IJKLMNO",
    "BOS2": "IJKLMNO",
    "BSPI": "JKLMNOP",
    "SPID": "JKLMNOPQRS",
    "CYBR": "HIJKLMNOP",
    "PAIN": "HIJKLM",
    "SKEL": "MNOPQ",  # the first frame of its death, L, is also its frame of pain
    "FATT": "KLMNOPQRST",
    "VILE": "RSTUVWXYZ",  # Q likewise
    "KEEN": "BCDEFGHIJKL",
    "BBRN": "",
}
_PLAYERS = dict.fromkeys(("PLAY", "PLYC"), "HIJKLMNOPQRSTUVW")
_SPRITES = {
    Pixel.ITEM: """
        AMMO ARM1 ARM2 BFUG BKEY BON1 BON2 BPAK BROK BSKU CELL CELP CLIP CSAW LAUN MEDI MEGA MGUN
        PINS PINV PIST PLAS PMAP PSTR PVIS RKEY ROCK RSKU SBOX SGN2 SHEL SHOT SOUL STIM SUIT YKEY
        YSKU
        """,
    Pixel.EFFECT: """
        APBX APLS BAL1 BAL2 BAL7 BEXP BFE1 BFE2 BFS1 BLUD BOSF FATB FBXP FIRE IFOG MANF MISL PLSE
        PLSS PUFF TFOG
        """,
    Pixel.WEAPON: """
        BFGF BFGG CHGF CHGG MISF MISG PISF PISG PLSF PLSG PUNG SAWG SHT2 SHTF SHTG
        """,
    Pixel.CORPSE: """
        BRS1 GOR1 GOR2 GOR3 GOR4 GOR5 HDB1 HDB2 HDB3 HDB4 HDB5 HDB6 POB1 POB2 POL1 POL5 POL6
        """,
    Pixel.DECORATION: """
        BAR1 CAND CBRA CEYE COL1 COL2 COL3 COL4 COL5 COL6 COLU ELEC FCAN FSKU POL2 POL3 POL4 SMBT
        SMGT SMIT SMRT SMT2 TBLU TGRN TLMP TLP2 TRE1 TRE2 TRED
        """,
}
_SPRITE_CLASS = {name: kind for kind, names in _SPRITES.items() for name in names.split()}
_SCREENS = re.compile(
    r"TITLEPIC|INTERPIC|HELP[12]?|CREDIT|BOSSBACK|VICTORY2|PFUB[12]|ENDPIC|WIMAP\d|WIA\d+"
    r"|WISPLAT|WIURH[01]"
)
_TEXT = re.compile(r"STCFN\d+|M_.*|PRBOOM|WI.*|CWILV\d+|END\d")
_HUD = re.compile(
    r"ST(BAR|ARMS|GNUM|TNUM|YSNUM|TMINUS|TPRCNT|KEYS|DISK|CDROM|F|PB).*|AMMNUM\d|BRDR_.*"
)


def texture_class(name: str) -> Pixel:
    """The class of the wall texture `name`. A switch's texture is SWITCH as a whole."""
    if re.match(r"SW[12]", name):
        return Pixel.SWITCH
    if name in SKIES:
        return Pixel.SKY
    if name in DOORS:
        return Pixel.DOOR
    return Pixel.LIQUID if name in LIQUID_TEXTURES else Pixel.WALL


def patch_class(name: str, texture: str, patches: tuple[str, ...]) -> Pixel:
    """The class of patch `name` within `texture`, which is made of `patches`.

    A switch's texture is mostly the wall around the switch: where a patch of the switch itself is
    among `patches`, only that is SWITCH; else all of them are. Any other texture is of one class.
    """
    kind = texture_class(texture)
    if kind is Pixel.SWITCH and name not in SWITCH_PATCHES and SWITCH_PATCHES & set(patches):
        return Pixel.WALL
    return kind


def flat_class(name: str) -> Pixel:
    """The class of the flat `name`: SKY, LIQUID, or FLOOR, which stands for ceilings too."""
    if name == "F_SKY1":
        return Pixel.SKY
    return Pixel.LIQUID if name in LIQUID_FLATS else Pixel.FLOOR


def sprite_class(name: str) -> Pixel:
    """The class of the sprite lump `name`, such as ``POSSA1`` or ``POSSA2A8``.

    A monster or a player is a CORPSE from the first frame of its death on. Raises `ValueError`
    for a sprite that no rule knows.
    """
    body, frame = name[:4], name[4:5]
    if body in _MONSTERS:
        return Pixel.CORPSE if frame in _MONSTERS[body] else Pixel.MONSTER
    if body in _PLAYERS:
        return Pixel.CORPSE if frame in _PLAYERS[body] else Pixel.PLAYER
    if body not in _SPRITE_CLASS:
        raise ValueError(
            f"name is {name!r}, but no rule gives sprite {body} a class; look at the sprite and "
            "add it to _SPRITES in lib/worlds/doom/texture_classes.py"
        )
    return _SPRITE_CLASS[body]


def graphic_class(name: str) -> Pixel | None:
    """The class of a picture outside all sections; None for a lump that is no picture."""
    for pattern, kind in ((_SCREENS, Pixel.SCREEN), (_HUD, Pixel.HUD), (_TEXT, Pixel.TEXT)):
        if pattern.fullmatch(name):
            return kind
    return None


def lump_class(lump: Lump) -> Pixel | None:
    """The class of any lump; None for one that is no picture: a map, a sound, a marker.

    A patch by itself is SWITCH or WALL; what it is in a texture, `patch_class` says.
    """
    if not lump.data:
        return None
    if lump.space == "flats":
        return flat_class(lump.name)
    if lump.space == "sprites":
        return sprite_class(lump.name)
    if lump.space == "patches":
        return Pixel.SWITCH if lump.name in SWITCH_PATCHES else Pixel.WALL
    return graphic_class(lump.name)
