//! Names of nobody: family names combine parts that no real family name has, in several scripts.

use super::dice::Dice;

/// A gender as the demo's rows spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gender {
    Female,
    Male,
    NonBinary,
}

impl Gender {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
            Self::NonBinary => "non-binary",
        }
    }
}

/// The parts that names of one script are made of.
struct Script {
    female: &'static [&'static str],
    male: &'static [&'static str],
    /// For any gender.
    either: &'static [&'static str],
    /// First parts of family names.
    beginnings: &'static [&'static str],
    /// Last parts of family names.
    ends: &'static [&'static str],
    family_first: bool,
}

const LATIN: Script = Script {
    female: &[
        "Ailé",
        "Brynja",
        "Céleste",
        "Dorotá",
        "Élodie",
        "Fríða",
        "Ilvára",
        "Jōri",
        "Lùcia",
        "Maëlis",
        "Noémie",
        "Ørsa",
        "Røskva",
        "Solvèna",
        "Thạch Ngân",
        "Zdeňka",
    ],
    male: &[
        "Ándris", "Bjørnar", "Cédric", "Dušan", "Éamon", "Gáspár", "Håkon", "Iñigo", "Jürgen",
        "Łucjan", "Mátyás", "Óskar", "Rāvis", "Søren", "Tønnes", "Yağız",
    ],
    either: &[
        "Ari", "Çınar", "Eşe", "Noã", "Quinn", "Rémi", "Sasha", "Wrén",
    ],
    beginnings: &[
        "Älven", "Brön", "Červa", "Dalmé", "Ébran", "Fjör", "Güld", "Høve", "Íska", "Kász", "Lún",
        "Mørk", "Nevé", "Óran", "Pâl", "Quen", "Rüs", "Sólva", "Tár", "Üls", "Vész", "Wyn", "Ýmir",
        "Žala",
    ],
    ends: &[
        "fanel", "grell", "hollow", "miréne", "ossel", "rundel", "sparrow", "thistle", "vanelle",
        "zorin",
    ],
    family_first: false,
};

const GREEK: Script = Script {
    female: &["Αρίστη", "Δάφνη", "Μυρτώ", "Χλόη"],
    male: &["Θάλης", "Λέανδρος", "Ορφέας", "Φοίβος"],
    either: &["Άρις", "Φως"],
    beginnings: &["Αστρο", "Θαλασσο", "Λιθο", "Φεγγαρο"],
    ends: &["βούνης", "λίμνης", "πέτρης"],
    family_first: false,
};

const CYRILLIC: Script = Script {
    female: &["Веля", "Зарина", "Милава", "Ёлка"],
    male: &["Ждан", "Лучезар", "Ратмир", "Ясень"],
    either: &["Женя", "Саша"],
    beginnings: &["Звездо", "Снего", "Тихо", "Яро"],
    ends: &["бор", "вей", "реч"],
    family_first: false,
};

const JAPANESE: Script = Script {
    female: &["灯里", "汐音", "雪乃"],
    male: &["陽斗", "蓮司", "岳"],
    either: &["凪", "空"],
    beginnings: &["星", "霧", "月", "潮"],
    ends: &["ヶ浜原", "ノ峰森", "見橋浦"],
    family_first: true,
};

const HANGUL: Script = Script {
    female: &["아라솔", "새론빛", "다온별"],
    male: &["한결솔", "도담빛", "마루별"],
    either: &["가람", "노을"],
    beginnings: &["별", "달", "한울"],
    ends: &["나루", "내솔", "하늬"],
    family_first: true,
};

const ARABIC: Script = Script {
    female: &["ريما", "سهاد", "نورين"],
    male: &["ساهر", "غيث", "ليث"],
    either: &["صباح", "نور"],
    beginnings: &["البحر", "القمر", "النجم"],
    ends: &["آباد", "دار", "زار"],
    family_first: false,
};

const DEVANAGARI: Script = Script {
    female: &["तारिणी", "निशिका", "मेघना"],
    male: &["अरुणेश", "दीपांश", "समीरण"],
    either: &["किरण", "ज्योति"],
    beginnings: &["चन्द्र", "नील", "स्वर्ण"],
    ends: &["गिरिज", "वनज", "सागरज"],
    family_first: false,
};

/// The scripts, repeated by frequency: most names begin with letters that a reader of the tour can
/// type.
const SCRIPTS: [&Script; 14] = [
    &LATIN,
    &LATIN,
    &LATIN,
    &LATIN,
    &LATIN,
    &LATIN,
    &LATIN,
    &LATIN,
    &GREEK,
    &CYRILLIC,
    &JAPANESE,
    &HANGUL,
    &ARABIC,
    &DEVANAGARI,
];

/// The name of a person of this gender.
pub(super) fn person_name(dice: &mut Dice, gender: Gender) -> String {
    let script = dice.one_of(&SCRIPTS);
    let given = dice.one_of(match gender {
        Gender::Female => script.female,
        Gender::Male => script.male,
        Gender::NonBinary => script.either,
    });
    let family = format!(
        "{}{}",
        dice.one_of(script.beginnings),
        dice.one_of(script.ends)
    );
    if script.family_first {
        format!("{family} {given}")
    } else {
        format!("{given} {family}")
    }
}

/// The name of a place that does not exist.
pub(super) fn place_name(dice: &mut Dice) -> String {
    const ENDS: [&str; 6] = ["enfell", "ivarre", "moor", "ósk", "stad", "umbria"];
    format!("{}{}", dice.one_of(LATIN.beginnings), dice.one_of(&ENDS))
}
